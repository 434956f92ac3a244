<?php
class function {}
