<?php
$a = new readonly class { public function __construct(public int $x = 1) {} };
