<?php
#[A
class B {}
