<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Migrations;

/**
 * The schema cannot be brought up to date; the message says which migration and why.
 */
final class MigrationError extends \RuntimeException
{
}
