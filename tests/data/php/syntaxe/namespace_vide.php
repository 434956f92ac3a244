<?php
namespace ;
