<?php
$a = <<<TEXTE
bonjour
