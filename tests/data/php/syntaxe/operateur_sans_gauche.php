<?php
$a = * 2;
