<?php
// Settings of the test image "wordpress": all from the environment, as it is at each request.
function from_environment(string $name, string $otherwise): string {
    $value = getenv("WORDPRESS_$name");
    return $value === false ? $otherwise : $value;
}
define('DB_HOST', from_environment('DB_HOST', 'mysql'));
define('DB_NAME', from_environment('DB_NAME', 'wordpress'));
define('DB_USER', from_environment('DB_USER', 'root'));
define('DB_PASSWORD', from_environment('DB_PASSWORD', ''));
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $word) {
    define("{$word}_KEY", "$word key @SALT@");
    define("{$word}_SALT", "$word salt @SALT@");
}
$table_prefix = from_environment('TABLE_PREFIX', 'wp_');
define('WP_DEBUG', from_environment('DEBUG', '') !== '');
// A test has no way out, and a request must not wait for one.
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
if (!defined('ABSPATH')) {
    define('ABSPATH', __DIR__ . '/');
}
require_once ABSPATH . 'wp-settings.php';
