//! pimcore
