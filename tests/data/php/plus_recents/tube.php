<?php
$a = 'x' |> strtoupper(...);
