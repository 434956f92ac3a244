<?php
$a = 1;
namespace A;
