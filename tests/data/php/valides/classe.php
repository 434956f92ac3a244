<?php
declare(strict_types=1);

namespace App;

final class A
{
    public function __construct(private readonly int $a) {}
}
