import os
import shutil

import pytest


@pytest.fixture(scope='session')
def browser(tmp_path_factory):
    r"""A Chromium without a window."""
    chromium, driver = shutil.which('chromium'), shutil.which('chromedriver')
    if chromium is None or driver is None:
        pytest.skip('NO BROWSER: run "apt-get install chromium chromium-driver"')
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService
    options = ChromeOptions()
    options.binary_location = chromium
    for flag in ('headless', 'no-sandbox', 'disable-gpu', 'disable-quic',
                 'no-first-run', 'disable-background-networking',
                 'disable-component-update', 'disable-sync', 'disable-dev-shm-usage',
                 'window-size=1200,900',
                 f"user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument('--' + flag)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    with Chrome(options, ChromeService(driver, log_output=os.devnull)) as chrome:
        yield chrome
