<?php
$a = 'abc';
$b = $a{0};
