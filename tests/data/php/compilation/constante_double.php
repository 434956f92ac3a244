<?php
class A { const B = 1; const B = 2; }
