<?php
public function f() {}
