<?php
$a = "texte $b;
