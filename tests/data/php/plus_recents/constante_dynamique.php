<?php
class A { const B = 1; }
$n = 'B';
echo A::{$n};
