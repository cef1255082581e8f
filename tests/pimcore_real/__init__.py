"""What people do in a Pimcore beside the pipeline's writes, asked of whatever Pimcore is given."""
