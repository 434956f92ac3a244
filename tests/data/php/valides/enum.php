<?php
enum Couleur: string { case Rouge = 'r'; case Bleu = 'b'; }
