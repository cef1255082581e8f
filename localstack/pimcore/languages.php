<?php
// Sees to it that Pimcore has the languages of CATALOG_LANGUAGES (BCP 47, with commas), and tells our bundle. Run from the project's root:
//   php languages.php add    writes what is missing to config/local/catalog_relay.yaml; exit code 10 if that changed
//   php languages.php all    the same for a Pimcore in which the last file that names languages names all of them
//   php languages.php check  stops where one is missing

declare(strict_types=1);

use Pimcore\Bootstrap;
use Pimcore\Tool;

const FILE = 'config/local/catalog_relay.yaml';

require getcwd() . '/vendor/autoload.php';

Bootstrap::setProjectRoot();
Bootstrap::startupCli();

$fail = static function (string $message): never {
    fwrite(STDERR, "languages.php: $message\n");
    exit(1);
};

$wanted = ['en', 'ar'];
foreach (explode(',', (string) getenv('CATALOG_LANGUAGES')) as $tag) {
    $tag = trim($tag);
    if ($tag === '') {
        continue;
    }
    if (preg_match('/^[a-z]{2,8}(-[A-Za-z0-9]{1,8})*$/', $tag) !== 1) {
        $fail("CATALOG_LANGUAGES are BCP 47 tags with commas between them, such as en,ar,pt-BR; this is none: $tag");
    }
    $wanted[] = strtr($tag, '-', '_');
}
$wanted = array_values(array_unique($wanted));
$there = array_values(array_unique(Tool::getValidLanguages()));
$before = is_file(FILE) ? (string) file_get_contents(FILE) : '';
$listed = static fn (string $pattern): array => preg_match($pattern, $before, $found) === 1 ? explode(', ', $found[1]) : [];
$mode = $argv[1] ?? '';
// What we added stays: it is there because of this file. A list of ours must not take the place of what Pimcore had by itself.
$ours = $listed('/valid_languages: \[(.*)\]/');
$had = $listed('/^# It had: (.*)$/m');
$had = $mode === 'add' ? array_values(array_unique([...array_intersect($had, $there), ...array_diff($there, $ours)])) : $had;
$missing = array_values(array_diff(array_unique([...$wanted, ...$had]), $there));
if ($mode === 'check') {
    if ($missing !== []) {
        $fail('Pimcore still lacks ' . implode(' and ', $missing) . ': something names its languages after ' . FILE
            . '; add them there to pimcore.general.valid_languages, clear the cache, start again');
    }
    exit(0);
}
if ($mode !== 'add' && $mode !== 'all') {
    $fail('say add, all or check');
}
$named = array_values(array_unique($mode === 'all' ? [...$had, ...$ours, ...$wanted] : [...$ours, ...$missing]));
$after = "# Written by localstack/pimcore/install.sh: the languages that the pipeline writes, and those that this Pimcore lacked.\n# It had: " . implode(', ', $had) . "\n"
    . "parameters:\n    catalog_relay.languages: [" . implode(', ', $wanted) . "]\n"
    . ($named === [] ? '' : "pimcore:\n    general:\n        valid_languages: [" . implode(', ', $named) . "]\n");
if ($after === $before) {
    exit(0);
}
// Beside it and moved: nobody reads half a file.
if ((!is_dir(dirname(FILE)) && !@mkdir(dirname(FILE), 0775, true)) || @file_put_contents(FILE . '.new', $after) === false || !@rename(FILE . '.new', FILE)) {
    $fail('cannot write ' . FILE);
}
fwrite(STDERR, $missing === [] ? "- the bundle is told of the languages " . implode(', ', $wanted) . "\n" : '- added the languages ' . implode(', ', $missing) . ' in ' . FILE . "\n");
exit(10);
