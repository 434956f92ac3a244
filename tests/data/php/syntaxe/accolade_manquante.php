<?php
class A {
    public function f(): int {
        return 1;
    }
