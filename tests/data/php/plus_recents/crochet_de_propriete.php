<?php
class A { public int $a { get => 1; } }
