<?php
class A { public function f() {} }
new A()->f();
