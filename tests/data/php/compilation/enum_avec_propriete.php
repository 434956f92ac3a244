<?php
enum A { public $a; case B; }
