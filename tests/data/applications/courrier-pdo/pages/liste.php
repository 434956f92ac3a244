<?php
$courriers = base()->query('SELECT c.*, s.nom FROM courriers c LEFT JOIN services s ON s.id = c.service_id ORDER BY recu_le DESC')->fetchAll();
$total = base()->query('SELECT count(*) FROM courriers')->fetchColumn();
foreach ($courriers as $courrier) {
    echo '<li>' . htmlspecialchars($courrier['objet']) . '</li>';
}
