<?php
class A { public private(set) int $a = 1; }
