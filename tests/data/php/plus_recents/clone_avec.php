<?php
class A { public int $x = 1; }
$b = clone(new A, ['x' => 2]) |> f(...);
