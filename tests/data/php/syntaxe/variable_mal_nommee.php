<?php
$1a = 2;
