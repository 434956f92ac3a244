<?php
class A { const int B = 1; }
