<?php
$a = match (1) { 1 : 2 };
