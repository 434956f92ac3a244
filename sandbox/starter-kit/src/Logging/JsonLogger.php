<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Logging;

use AmCloud\StarterKit\Tenancy\TenantContext;
use Psr\Log\AbstractLogger;
use Psr\Log\LogLevel;

/**
 * One JSON object a line on standard error, which the platform collects. Never personal data: only scalar context.
 */
final class JsonLogger extends AbstractLogger
{
    private const RANKS = [
        LogLevel::DEBUG => 0,
        LogLevel::INFO => 1,
        LogLevel::NOTICE => 2,
        LogLevel::WARNING => 3,
        LogLevel::ERROR => 4,
        LogLevel::CRITICAL => 5,
        LogLevel::ALERT => 6,
        LogLevel::EMERGENCY => 7,
    ];

    /** @var resource|null */
    private $stream;

    public function __construct(
        private readonly TenantContext $context,
        private readonly string $level = LogLevel::NOTICE,
        private readonly string $target = 'php://stderr',
    ) {
    }

    /** @param array<mixed> $context */
    public function log($level, $message, array $context = []): void
    {
        if ((self::RANKS[$level] ?? 4) < (self::RANKS[$this->level] ?? 2)) {
            return;
        }
        $scalars = array_filter($context, static fn (mixed $value): bool => \is_scalar($value));
        $replaced = [];
        foreach ($scalars as $key => $value) {
            $replaced['{' . $key . '}'] = (string) $value;
        }
        $line = [
            'time' => date(\DATE_RFC3339_EXTENDED),
            'level' => $level,
            'message' => strtr((string) $message, $replaced),
            'organisation' => $this->context->current()?->code,
        ];
        $this->stream ??= fopen($this->target, 'a') ?: null;
        if ($this->stream !== null) {
            $flags = \JSON_UNESCAPED_SLASHES | \JSON_UNESCAPED_UNICODE | \JSON_INVALID_UTF8_SUBSTITUTE;
            fwrite($this->stream, json_encode($line, $flags | \JSON_THROW_ON_ERROR) . "\n");
        }
    }
}
