<?php
base()->prepare('UPDATE courriers SET statut = ? WHERE id = ?')->execute(array('clos', (int) $_POST['id']));
base()->exec("INSERT INTO journal (quoi) VALUES ('cloture')");
header('Location: index.php');
