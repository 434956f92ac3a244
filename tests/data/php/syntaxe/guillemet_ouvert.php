<?php
$a = 'texte;
$b = 2;
