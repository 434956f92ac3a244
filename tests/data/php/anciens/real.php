<?php
$a = (real) 1;
