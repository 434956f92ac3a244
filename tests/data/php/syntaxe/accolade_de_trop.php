<?php
function f(): void {}
}
