<?php
use ;
