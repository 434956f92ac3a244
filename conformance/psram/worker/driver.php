<?php

declare(strict_types=1);

/*
 * Compiles (never runs) PHP files and says which of them this PHP refuses.
 *
 * Standard input: file names, one a line, then an empty line: one batch. Answer: a JSON line for each file that does not
 * compile (ok: false) or that gave no verdict (ok: null: its process died), then a line with a dot. And so on until the
 * input ends.
 *
 * One warm PHP forks a child per batch; a batch whose child does not come to its end is split, down to single files,
 * whose verdict counts: two files that declare the same class are thus never judged by each other. opcache is only asked
 * for its function: no file is small enough to enter its memory (opcache.max_file_size), so its optimiser never runs.
 */

const BATCH_MAX_S = 5;
const SINGLE_MAX_S = 10;

/** @param list<string> $files */
function compile(array $files): void
{
    $single = count($files) === 1;
    $pid = pcntl_fork();
    if ($pid === -1) {
        fwrite(STDERR, "fork\n");
        exit(3);
    }
    if ($pid === 0) {
        child($files, $single);
    }
    pcntl_waitpid($pid, $status);
    $ended = pcntl_wifexited($status) ? pcntl_wexitstatus($status) : -1;
    if ($ended === 0) {
        return;
    }
    if ($single) {
        if ($ended !== 7) {
            answer($files[0], null, '', 0);
        }
        return;
    }
    $half = intdiv(count($files), 2);
    compile(array_slice($files, 0, $half));
    compile(array_slice($files, $half));
}

function answer(string $file, ?bool $ok, string $message, int $line): void
{
    $text = str_replace(dirname($file) . '/', '', $message);
    $data = ['f' => basename($file, '.php'), 'ok' => $ok, 'm' => substr($text, 0, 300), 'l' => $line];
    fwrite(STDOUT, json_encode($data, JSON_INVALID_UTF8_SUBSTITUTE) . "\n");
}

/** @param list<string> $files */
function child(array $files, bool $single): never
{
    pcntl_alarm($single ? SINGLE_MAX_S : BATCH_MAX_S);
    register_shutdown_function(static function () use ($files, $single): void {
        $error = error_get_last();
        if ($error !== null && ($error['type'] & (E_ERROR | E_PARSE | E_COMPILE_ERROR | E_CORE_ERROR)) !== 0) {
            if (str_starts_with($error['message'], 'Allowed memory size')) {
                exit(9); // not a verdict
            }
            if ($single) {
                answer($files[0], false, $error['message'], $error['line']);
            }
            exit(7);
        }
    });
    // opcache adds a warning of its own after a fatal error; handled here, it does not hide that error.
    set_error_handler(static fn (): bool => true);
    foreach ($files as $file) {
        try {
            $compiled = opcache_compile_file($file);
        } catch (Throwable $error) {
            if ($single) {
                answer($file, false, $error->getMessage(), $error->getLine());
            }
            exit(7);
        }
        if (!$compiled) {
            exit(8);
        }
    }
    exit(0);
}

error_reporting(E_ERROR | E_PARSE | E_COMPILE_ERROR | E_CORE_ERROR);
$batch = [];
while (($line = fgets(STDIN)) !== false) {
    $name = rtrim($line, "\n");
    if ($name !== '') {
        $batch[] = $name;
        continue;
    }
    if ($batch !== []) {
        compile($batch);
    }
    $batch = [];
    fwrite(STDOUT, ".\n");
}
