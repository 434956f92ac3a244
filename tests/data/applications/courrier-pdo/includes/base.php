<?php
function base()
{
    static $pdo = null;
    if ($pdo === null) {
        $pdo = new PDO('mysql:host=localhost;dbname=' . BASE, 'courriers', '');
    }
    return $pdo;
}

function lire($sql, $valeurs = array())
{
    $requete = base()->prepare($sql);
    $requete->execute($valeurs);
    return $requete->fetchAll(PDO::FETCH_ASSOC);
}
