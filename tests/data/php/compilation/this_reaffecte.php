<?php
function f() { $this = 1; }
