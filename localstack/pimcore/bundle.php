<?php
// Takes the bundle into the project's config/bundles.php, or out of it. Run from the project's root: php bundle.php in|out

declare(strict_types=1);

const FILE = 'config/bundles.php';
const MARK = '// catalog-relay';
// Without the folder the line gives nothing, so a project that loses it still starts.
const LINE = "    ...((@include dirname(__DIR__) . '/bundles/catalog-relay/bundles.php') ?: []), " . MARK . "\n";

$fail = static function (string $message): never {
    fwrite(STDERR, "bundle.php: $message\n");
    exit(1);
};

$before = is_file(FILE) ? file_get_contents(FILE) : false;
if ($before === false) {
    $fail('cannot read ' . FILE);
}
$after = preg_replace('~^.*' . preg_quote(MARK, '~') . '\R~m', '', $before);
if (($argv[1] ?? '') === 'in') {
    $at = 0;
    $returned = false;
    $found = null;
    foreach (PhpToken::tokenize($after) as $token) {
        $at += strlen($token->text);
        if ($token->is(T_RETURN)) {
            $returned = true;
        } elseif ($returned && $token->text === '[') {
            $found = $at;
            break;
        } elseif (!$token->isIgnorable()) {
            $returned = false;
        }
    }
    if ($found === null) {
        $fail(FILE . ' does not return a list in brackets; put this into what it returns: ' . trim(LINE));
    }
    $after = substr($after, 0, $found) . "\n" . LINE . preg_replace('~^\h*\R~', '', substr($after, $found));
} elseif (($argv[1] ?? '') !== 'out') {
    $fail('say in or out');
}
if ($after !== $before) {
    // Beside it and moved: nobody reads half a file.
    if (@file_put_contents(FILE . '.new', $after) === false || !@chmod(FILE . '.new', fileperms(FILE) & 0777) || !@rename(FILE . '.new', FILE)) {
        $fail('cannot write ' . FILE);
    }
}
