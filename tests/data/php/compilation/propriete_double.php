<?php
class A { public $a; public $a; }
