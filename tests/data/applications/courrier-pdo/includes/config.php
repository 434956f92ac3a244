<?php
$bases = array(
    '671' => 'courriers_bas_rhin',
    '681' => 'courriers_haut_rhin',
);
$organisation = isset($_SESSION['organisation']) ? $_SESSION['organisation'] : '671';
define('BASE', $bases[$organisation]);
