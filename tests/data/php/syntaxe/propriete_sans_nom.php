<?php
class A { public int; }
