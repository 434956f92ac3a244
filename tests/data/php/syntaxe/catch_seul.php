<?php
catch (Exception $e) {}
