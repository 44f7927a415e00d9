<?php echo "PHP ", PHP_VERSION, " on ", gethostname(), "\n";
