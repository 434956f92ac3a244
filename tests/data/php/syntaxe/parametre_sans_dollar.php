<?php
function f(a) {}
