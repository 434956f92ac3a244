<?php
readonly class Point { public function __construct(public int $x) {} }
