<?php
$f = fn (int $a): string => match (true) { $a > 1 => 'plusieurs', default => 'un' };
