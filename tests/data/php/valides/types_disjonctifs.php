<?php
interface A {}
interface B {}
function f((A&B)|null $a): true { return true; }
