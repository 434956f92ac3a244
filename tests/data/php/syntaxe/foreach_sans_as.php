<?php
foreach ($a $b) {}
