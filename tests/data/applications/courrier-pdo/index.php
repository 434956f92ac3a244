<?php
// Application d'exemple sans Starter Kit, écrite à dessein comme on le faisait : données fictives.
session_start();
require 'includes/config.php';
require 'includes/base.php';
$page = isset($_GET['page']) ? $_GET['page'] : 'liste';
include 'pages/' . $page . '.php';
