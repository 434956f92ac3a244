<?php
function __autoload($c) {}
