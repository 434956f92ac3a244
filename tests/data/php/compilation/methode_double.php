<?php
class A { public function f() {} public function F() {} }
