<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Decision;

/** Who saves. */
enum Writer
{
    /** A request of the pipeline that understands a conflict. */
    case Pipeline;
    /** A person in the editor. */
    case Person;
    /** A script, a scheduled task, or a request of the pipeline that does not say what it read. */
    case Other;
}
