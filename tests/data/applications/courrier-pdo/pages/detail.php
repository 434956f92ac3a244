<?php
$requete = base()->prepare('SELECT * FROM courriers WHERE id = ?');
$requete->execute(array((int) $_GET['id']));
$courrier = $requete->fetch();
$pieces = base()->query("SELECT * FROM `pieces` WHERE courrier_id = " . (int) $_GET['id'])->fetchAll();
