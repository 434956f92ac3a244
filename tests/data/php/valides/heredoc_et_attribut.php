<?php
#[Attribute]
class A { const B = <<<'T'
    texte
    T; }
